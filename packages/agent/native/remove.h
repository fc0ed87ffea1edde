/*
 * Removes a directory with all that lies in it.
 *
 * What a task leaves behind is not to be trusted: symbolic links are removed, never followed; what is mounted
 * there (a bind mount of somebody's data set looks like a plain directory) is never entered; and a tree that is
 * thousands of levels deep must not use up our descriptors.
 */

/* Directories below this depth are moved up to the top and removed from there. */
#define REMOVE_MAX_DEPTH 64

struct removal {
  int top;
  unsigned moved;
};

static int open_inside(int parent, const char *name) {
  struct open_how how = {
    .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
  };
  int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
  if (fd >= 0 || errno != ENOSYS) return fd;
  /* Linux before 5.6: other file systems are told apart by their device, bind mounts of the same one are not. */
  struct stat outside, inside;
  fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && fstat(parent, &outside) == 0 && fstat(fd, &inside) == 0 && outside.st_dev == inside.st_dev) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static void remove_entry(struct removal *removal, int parent, const char *name, int depth) {
  if (unlinkat(parent, name, 0) == 0) return;
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return;

  if (depth >= REMOVE_MAX_DEPTH) {
    char moved[32];
    snprintf(moved, sizeof moved, ".drover-deep-%u", removal->moved);
    if (renameat(parent, name, removal->top, moved) == 0) removal->moved++;
    return;
  }
  int fd = open_inside(parent, name);
  if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0) fd = open_inside(parent, name);
  if (fd < 0) return;
  /* A task that is not root may have taken its own right to write here. */
  fchmod(fd, 0700);
  DIR *directory = fdopendir(fd);
  if (directory == NULL) {
    close(fd);
    return;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    remove_entry(removal, fd, entry->d_name, depth + 1);
  }
  closedir(directory);
  unlinkat(parent, name, AT_REMOVEDIR);
}

/* Leaves what cannot be removed. */
static void remove_directory(const char *name) {
  if (rmdir(name) == 0 || errno == ENOENT) return;
  struct removal removal = {.top = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), .moved = 0};
  unsigned moved_before;
  do {
    moved_before = removal.moved;
    remove_entry(&removal, AT_FDCWD, name, 0);
  } while (removal.moved != moved_before);
  if (removal.top >= 0) close(removal.top);
}
