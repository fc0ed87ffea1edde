/**
 * A spec says what its job comes after; those of before that said nothing, which means nothing.
 *
 * No table of dependencies: which of them are unmet is which of the jobs that `after` names have not ended,
 * and `jobs` says that.
 */
export const JOB_DEPENDENCIES = `
update jobs set spec = json_set(spec, '$.after', json('[]'));
`;
