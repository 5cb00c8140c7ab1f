// Keys under which anyone can sign, and ways to change a signature.

#ifndef OUTRIGGER_TAMPERING_H
#define OUTRIGGER_TAMPERING_H

#include "dilithium.h"
#include "dilithium_path.h"

enum { MACHINES = 3, HINTS = DILITHIUM_SIGNATURE_BYTES - OMEGA - ROWS };

/// A public key, prepared for every kind of machine that this one can be.
typedef struct manifold {
    dilithium_key keys[MACHINES];
    int count;
} manifold;

void manifold_prepare(manifold *keys, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]);

/// SplitMix64.
uint64_t next_random(uint64_t *state);
uint64_t below(uint64_t *state, uint64_t bound);

/// Writes coefficient `index` of z, 0..<1024, of which the 18 lower bits are kept.
void put_coefficient(uint8_t *signature, int index, int32_t value);
int32_t get_coefficient(const uint8_t *signature, int index);

void random_z(uint8_t *signature, uint64_t *random);
/// Hints in canonical form, as many as fit or fewer.
void random_hints(uint8_t *signature, uint64_t *random);

/// The commitment to what a path recovers, for the representative mu.
void commit(
    const dilithium_key *key, const uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES], const uint8_t w1[ROWS * W1_BYTES],
    uint8_t commitment[COMMITMENT_BYTES]);

/// Makes a signature of z and hints valid. The key has t1 = 0: c t1 is 0, whatever the challenge. Returns 0 if z or the
/// hints are malformed.
int forge(const dilithium_key *key, const uint8_t mu[DILITHIUM_REPRESENTATIVE_BYTES], uint8_t *signature);

/// Tampers in one of nine ways. The last one leaves a signature as it is.
void tamper(uint8_t *signature, uint64_t *random);

#endif
