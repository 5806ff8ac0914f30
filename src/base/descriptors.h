/* What a process that was forked has open of its starter's. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/* Close all but the standard streams and the `n` of `keep`, which may be in any order. */
void descriptors_keep(const int *keep, int n);

#endif
