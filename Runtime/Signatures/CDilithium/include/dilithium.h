// Verification of the three signature schemes that answer to the name Dilithium2.
//
// Written from FIPS 204 (https://doi.org/10.6028/NIST.FIPS.204), parameter set ML-DSA-44. The three share public key,
// signature, and everything but the message representative mu; see `dilithium_variant`.
//
// Everything here is public data: keys, messages, signatures. Running time depends on it, on purpose. Nothing
// allocates, and nothing is shared between calls: any thread may call anything.

#ifndef OUTRIGGER_DILITHIUM_H
#define OUTRIGGER_DILITHIUM_H

#include <stddef.h>
#include <stdint.h>

enum {
    DILITHIUM_PUBLIC_KEY_BYTES = 1312,
    DILITHIUM_SIGNATURE_BYTES = 2420,
    DILITHIUM_REPRESENTATIVE_BYTES = 64,
};

/// The instructions that do the work. All give the same answers.
enum dilithium_machine {
    DILITHIUM_PORTABLE,
    /// x86-64 with AVX2, BMI and BMI2.
    DILITHIUM_AVX2,
    /// The same with AVX-512F and AVX-512VL.
    DILITHIUM_AVX512,
};

/// The variants are bits, so that they form sets. H is SHAKE256, tr = H(public key).
enum dilithium_variant {
    /// CRYSTALS-Dilithium round 3.1 (2021): mu = H(tr[0..<32] || message).
    DILITHIUM_ROUND31 = 1,
    /// FIPS 204 initial public draft (2023): mu = H(tr || message). The internal interface of the final standard, too.
    DILITHIUM_IPD = 2,
    /// FIPS 204 (2024), pure, empty context: mu = H(tr || 00 00 || message).
    DILITHIUM_MLDSA44 = 4,
};

/// A public key, prepared once for many verifications. The caller allocates it, about 20 KiB.
typedef struct dilithium_key {
    /// The matrix A, rows of columns, and t1 * 2^13, both as number-theoretic transforms, in the order of the path.
    int32_t matrix[4][4][256];
    int32_t target[4][256];
    uint8_t hash[64];
    /// The instructions for this machine, chosen when the key is prepared.
    const struct dilithium_path *path;
} dilithium_key;

/// A piece of a message. Pieces are signed one after the other, as if they were one.
typedef struct dilithium_part {
    const uint8_t *bytes;
    size_t count;
} dilithium_part;

/// Prepares a public key. Every string of this length is one.
void dilithium_prepare(dilithium_key *key, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]);

/// The same for the machine that is named, so that tests can compare all. Returns 0 if this is no such machine.
int dilithium_prepare_for(
    dilithium_key *key, enum dilithium_machine machine, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]);

/// Verifies a signature under the variants in the set `allowed`, `preferred` first if it is one of them.
/// Returns the variant that verified, or 0. More than one variant costs a hash of the message each, no more.
/// Strict (FIPS 204, algorithms 8 and 21): exact length, canonical hints, |z| < gamma1 - beta.
unsigned dilithium_verify(
    const dilithium_key *key, const dilithium_part *message, size_t parts, const uint8_t *signature,
    size_t signature_bytes, unsigned allowed, unsigned preferred);

/// A signature among others, with what `dilithium_verify` wants to know of it.
typedef struct dilithium_request {
    const dilithium_key *key;
    const dilithium_part *message;
    size_t parts;
    const uint8_t *signature;
    size_t signature_bytes;
    unsigned allowed, preferred;
} dilithium_request;

/// Verifies any number of signatures, of any keys and lengths, and hashes four at a time. `verdicts` has one place for
/// each: the variant that verified, or 0.
void dilithium_verify_batch(const dilithium_request *requests, size_t count, unsigned *verdicts);

/// The message representative mu of one variant, as the signer computes it.
void dilithium_represent(
    const dilithium_key *key, const dilithium_part *message, size_t parts, enum dilithium_variant variant,
    uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES]);

/// Verifies a signature of a message that is known by its representative alone. Returns 1 or 0.
int dilithium_verify_representative(
    const dilithium_key *key, const uint8_t representative[DILITHIUM_REPRESENTATIVE_BYTES], const uint8_t *signature,
    size_t signature_bytes);

#endif
