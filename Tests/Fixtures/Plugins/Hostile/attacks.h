#ifndef ATTACKS_H
#define ATTACKS_H

#include <stddef.h>

/* Tries everything that a sandbox must stop, or what the environment's HOSTILE_ATTACKS names of it; one line each,
 * "name errno\n", with 0 for what succeeded. */
void attack_all(char *report, size_t size);

#endif
