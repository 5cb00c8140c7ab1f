// Preparing keys: FIPS 204, the steps of algorithm 8 that depend on the public key alone.

#include "dilithium.h"
#include "dilithium_path.h"
#include "shake.h"

// RejNTTPoly (algorithm 30), for one row of A: four polynomials side by side.
static void expand(const struct dilithium_path *path, polynomial row[COLUMNS], const uint8_t seed[32], uint8_t number) {
    keccak_states states = {0};
    for (uint64_t column = 0; column < COLUMNS; column++) {
        for (int i = 0; i < 4; i++) states.lanes[i][column] = keccak_load(seed + 8 * i);
        // The position, and the suffix and the padding of SHAKE.
        states.lanes[4][column] = column | (uint64_t)number << 8 | 0x1f << 16;
        states.lanes[SHAKE128_RATE / 8 - 1][column] = 1ull << 63;
    }
    for (int filled[COLUMNS] = {0}, least = 0; least < 256;) {
        path->keccak->permute_four(&states);
        least = 256;
        for (int column = 0; column < COLUMNS; column++) {
            uint8_t block[SHAKE128_RATE + 8];
            for (int i = 0; i < SHAKE128_RATE / 8; i++) keccak_store(block + 8 * i, states.lanes[i][column]);
            int have = filled[column];
            have += path->select(row[column] + have, 256 - have, block, SHAKE128_RATE);
            filled[column] = have;
            if (have < least) least = have;
        }
    }
    for (int column = 0; column < COLUMNS; column++) path->arrange(row[column]);
}

// SimpleBitUnpack of t1 (algorithm 18), times 2^13.
static void unpack_target(polynomial t, const uint8_t bytes[T1_BYTES]) {
    for (int i = 0; i < 256; i += 4, bytes += 5) {
        t[i] = (bytes[0] | (bytes[1] & 0x03) << 8) << SHIFT;
        t[i + 1] = (bytes[1] >> 2 | (bytes[2] & 0x0f) << 6) << SHIFT;
        t[i + 2] = (bytes[2] >> 4 | (bytes[3] & 0x3f) << 4) << SHIFT;
        t[i + 3] = (bytes[3] >> 6 | bytes[4] << 2) << SHIFT;
    }
}

static void prepare(
    dilithium_key *key, const struct dilithium_path *path, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    key->path = path;
    for (uint8_t row = 0; row < ROWS; row++) {
        expand(path, key->matrix[row], public_key, row);
        unpack_target(key->target[row], public_key + 32 + row * T1_BYTES);
        path->transform(key->target[row]);
    }
    shake state;
    shake256_start(&state);
    state.keccak = path->keccak;
    shake_absorb(&state, public_key, DILITHIUM_PUBLIC_KEY_BYTES);
    shake_squeeze(&state, key->hash, sizeof key->hash);
}

static const struct dilithium_path *path_for(enum dilithium_machine machine) {
#if defined(__x86_64__)
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
    if (machine == DILITHIUM_AVX512) return avx512 ? &dilithium_avx512 : NULL;
    if (machine == DILITHIUM_AVX2) return avx2 ? &dilithium_avx2 : NULL;
#endif
    return machine == DILITHIUM_PORTABLE ? &dilithium_portable : NULL;
}

int dilithium_prepare_for(
    dilithium_key *key, enum dilithium_machine machine, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    const struct dilithium_path *path = path_for(machine);
    if (path) prepare(key, path, public_key);
    return path != NULL;
}

void dilithium_prepare(dilithium_key *key, const uint8_t public_key[DILITHIUM_PUBLIC_KEY_BYTES]) {
    int machine = DILITHIUM_AVX512;
    while (!dilithium_prepare_for(key, (enum dilithium_machine)machine, public_key)) machine--;
}
