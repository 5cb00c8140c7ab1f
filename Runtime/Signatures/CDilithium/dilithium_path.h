// What differs between machines: the arithmetic on polynomials, and the hash. A path is a table of these; all paths
// agree on every bit, also for signatures that are not valid. And the steps of a verification that are shared.

#ifndef OUTRIGGER_DILITHIUM_PATH_H
#define OUTRIGGER_DILITHIUM_PATH_H

#include "dilithium.h"
#include "keccak.h"

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
    const struct keccak *keccak;
    /// NTT in place (algorithm 41), in an order of the path's own. In: |x| < 2^23. Out: congruent, |x| < 2^27.
    void (*transform)(polynomial x);
    /// From the order of FIPS 204 to the path's own.
    void (*arrange)(polynomial x);
    /// Takes those below q of candidates of 23 bits in 3 bytes (algorithm 14), until `room` are taken or `count` bytes
    /// are read, a multiple of 24. Returns how many. May read, and ignores, up to eight bytes more.
    int (*select)(int32_t *x, int room, const uint8_t *bytes, int count);
    /// BitUnpack of z (algorithm 19). Returns 0 if a coefficient is not below gamma1 - beta; z is then undefined.
    /// May read, and ignores, up to seven bytes more: the hints follow the last polynomial.
    int (*unpack)(polynomial z, const uint8_t bytes[Z_BYTES]);
    /// One row of A z - c t: products of transforms, their sum and its inverse transform (algorithm 42), in 0..<q, in
    /// the order of FIPS 204.
    void (*combine)(
        polynomial w, const polynomial row[COLUMNS], const polynomial z[COLUMNS], const polynomial challenge,
        const polynomial target);
    /// HighBits of each coefficient, packed (algorithms 37 and 28). In: 0..<q.
    void (*pack_high)(uint8_t bytes[W1_BYTES], const polynomial w);
};

extern const struct dilithium_path dilithium_portable;
#if defined(__x86_64__)
extern const struct dilithium_path dilithium_avx2, dilithium_avx512;
#endif

// MARK: - the steps of a verification, for one signature and for many

/// SampleInBall (algorithm 29), of one commitment and of four.
void dilithium_challenge(const struct keccak *keccak, polynomial c, const uint8_t commitment[COMMITMENT_BYTES]);
void dilithium_challenge_four(const struct keccak *keccak, polynomial c[4], const uint8_t *const commitments[4]);

/// The high bits of A z - c t1 2^13, corrected by the hints and packed. Transforms the challenge in place. Returns 0
/// for a malformed signature.
int dilithium_recover(
    const dilithium_key *key, const uint8_t signature[DILITHIUM_SIGNATURE_BYTES], polynomial challenge,
    uint8_t w1[ROWS * W1_BYTES]);

/// Takes the next variant to try out of the set, or 0 if it is empty: those preferred first.
unsigned dilithium_take_variant(unsigned *allowed, unsigned preferred);

/// What is hashed before the message: tr and the prefix of the variant. Returns the number of bytes.
size_t dilithium_head(const dilithium_key *key, unsigned variant, uint8_t head[66]);

#endif
