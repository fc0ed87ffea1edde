/*
 * drover-supervisor: what stands over every attempt on a node, so that attempts outlive the agent.
 *
 *   agent ──stdin──► launcher ──fork──► supervisor ──fork──► command
 *     ▲              (one)              (one per attempt)     (the user's process tree)
 *     └──────────── notices (a FIFO) ◄──────┘
 *
 * One program, two roles. The launcher exists because forking this small process is several times cheaper
 * than forking Node, and because its lock says which agent owns the data directory. The supervisor owns one
 * attempt from the claim to the exit record. Everything it knows and does lies in the attempt's directory as
 * plain files (README.md beside this file describes them), so that no agent needs to be alive.
 *
 * The parts are headers because the whole program is one translation unit: `cc -o drover-supervisor supervisor.c`.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "remove.h"
#include "user.h"
#include "launch.h"
#include "cgroup.h"
#include "tree.h"
#include "records.h"
#include "command.h"
#include "output.h"
#include "supervise.h"
#include "launcher.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: drover-supervisor DATA_DIR\n(the agent starts it; it reads requests on its standard input)\n");
    return 2;
  }
  return launcher(argv[1]);
}
