// SHAKE128 and SHAKE256 (FIPS 202), incremental: start, absorb any number of times, squeeze any number of times.

#ifndef OUTRIGGER_SHAKE_H
#define OUTRIGGER_SHAKE_H

#include <stddef.h>
#include <stdint.h>

/// The state of one hash. A plain value: a copy goes on by itself, and nothing needs to be freed.
typedef struct shake {
    uint64_t lanes[25];
    /// The permutation: the fastest of this machine, unless told otherwise after the start.
    const struct keccak *keccak;
    /// Bytes of a block: 168 or 136.
    uint32_t rate;
    /// Bytes of the block that were absorbed, or squeezed.
    uint32_t position;
    uint32_t squeezing;
} shake;

void shake128_start(shake *state);
void shake256_start(shake *state);

/// Adds `count` bytes to the input. Not after the first squeeze.
void shake_absorb(shake *state, const uint8_t *bytes, size_t count);

/// Writes the next `count` bytes of the output. The first call ends the input.
void shake_squeeze(shake *state, uint8_t *bytes, size_t count);

#endif
