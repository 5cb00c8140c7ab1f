// SHA-256 (FIPS 180-4) of several messages for less than each alone would cost.

#ifndef OUTRIGGER_SHA256_EIGHT_H
#define OUTRIGGER_SHA256_EIGHT_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256_message {
    const uint8_t *bytes;
    size_t count;
} sha256_message;

/// Writes the digests of eight messages, 32 bytes each. All take as long as the longest. Returns 0, and writes nothing,
/// on a processor for which one by one is as fast.
int sha256_eight(const sha256_message *messages, uint8_t *digests);

#endif
