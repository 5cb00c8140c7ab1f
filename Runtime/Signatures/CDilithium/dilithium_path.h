// What differs between machines: the arithmetic on polynomials. A path is a table of these four; all paths agree on
// every bit, also for signatures that are not valid.

#ifndef OUTRIGGER_DILITHIUM_PATH_H
#define OUTRIGGER_DILITHIUM_PATH_H

#include <stdint.h>

// FIPS 204, table 1, ML-DSA-44.
enum {
    MODULUS = 8380417,
    GAMMA1 = 1 << 17,
    GAMMA2 = (MODULUS - 1) / 88,
    BETA = 78,
    TAU = 39,
    OMEGA = 80,
    SHIFT = 13,
    ROWS = 4,
    COLUMNS = 4,
    /// Bytes of one polynomial of z (18 bits a coefficient), of t1 (10 bits) and of w1 (6 bits).
    Z_BYTES = 576,
    T1_BYTES = 320,
    W1_BYTES = 192,
    COMMITMENT_BYTES = 32,
};

typedef int32_t polynomial[256];

struct dilithium_path {
    /// NTT in place (algorithm 41). In: |x| < 2^23. Out: congruent, |x| < 2^27.
    void (*transform)(polynomial x);
    /// BitUnpack of z (algorithm 19). Returns 0 if a coefficient is not below gamma1 - beta; z is then undefined.
    /// May read, and ignores, up to seven bytes more: the hints follow the last polynomial.
    int (*unpack)(polynomial z, const uint8_t bytes[Z_BYTES]);
    /// One row of A z - c t: products of transforms, their sum and its inverse transform (algorithm 42), in 0..<q.
    void (*combine)(
        polynomial w, const polynomial row[COLUMNS], const polynomial z[COLUMNS], const polynomial challenge,
        const polynomial target);
    /// HighBits of each coefficient, packed (algorithms 37 and 28). In: 0..<q.
    void (*pack_high)(uint8_t bytes[W1_BYTES], const polynomial w);
};

extern const struct dilithium_path dilithium_portable;
#if defined(__x86_64__)
extern const struct dilithium_path dilithium_avx2;
#endif

#endif
