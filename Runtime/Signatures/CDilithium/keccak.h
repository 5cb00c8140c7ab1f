// Keccak-f[1600] (FIPS 202): one state, or four side by side. Which instructions do it is chosen at run time.

#ifndef OUTRIGGER_KECCAK_H
#define OUTRIGGER_KECCAK_H

#include <stdint.h>

enum {
    /// Bytes of a block, of SHAKE128 and of SHAKE256.
    SHAKE128_RATE = 168,
    SHAKE256_RATE = 136,
};

/// Four states: lane by lane, the four lanes of one place side by side.
typedef struct keccak_states {
    _Alignas(32) uint64_t lanes[25][4];
} keccak_states;

struct keccak {
    void (*permute)(uint64_t lanes[25]);
    void (*permute_four)(keccak_states *states);
    /// Adds one block of SHAKE256 to each state, and permutes. A state without a block (NULL) is lost.
    void (*absorb_four)(keccak_states *states, const uint8_t *const blocks[4]);
};

extern const struct keccak keccak_portable;
#if defined(__x86_64__)
extern const struct keccak keccak_avx2, keccak_avx512;
#endif

// Lanes are little-endian on machines of either byte order.
static inline uint64_t keccak_load(const uint8_t bytes[8]) {
    uint64_t lane = 0;
    for (int i = 7; i >= 0; i--) lane = lane << 8 | bytes[i];
    return lane;
}
static inline void keccak_store(uint8_t bytes[8], uint64_t lane) {
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(lane >> 8 * i);
}

/// The fastest that this machine can run.
const struct keccak *keccak_of_this_machine(void);

#endif
