// Keccak-f[1600] and the sponge around it (FIPS 202). Works on machines of either byte order.

#include "shake.h"

#include <string.h>

static uint64_t load(const uint8_t *bytes) {
    uint64_t lane = 0;
    for (int i = 7; i >= 0; i--) lane = lane << 8 | bytes[i];
    return lane;
}

static void store(uint8_t *bytes, uint64_t lane) {
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(lane >> 8 * i);
}

static uint64_t rotate(uint64_t lane, unsigned by) { return lane << by | lane >> (-by & 63); }

// Constants of the step iota: FIPS 202, algorithm 5.
static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

// The turns of the step rho, lane by lane: FIPS 202, table 2, modulo 64.
static const uint8_t turns[25] = {
    0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
};

// Every index below is known when the loops are unrolled, so that the lanes live in registers.
#define UNROLLED _Pragma("clang loop unroll(full)") for

// One round: theta, rho and pi, chi, iota. The lane of column x and row y is the one at 5 y + x.
static inline __attribute__((always_inline)) void round_from(const uint64_t a[25], uint64_t b[25], uint64_t constant) {
    uint64_t parity[5], change[5], row[5];
    UNROLLED (int x = 0; x < 5; x++) parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    UNROLLED (int x = 0; x < 5; x++) change[x] = parity[(x + 4) % 5] ^ rotate(parity[(x + 1) % 5], 1);
    UNROLLED (int y = 0; y < 5; y++) {
        UNROLLED (int x = 0; x < 5; x++) {
            int column = (x + 3 * y) % 5, lane = 5 * x + column;
            row[x] = rotate(a[lane] ^ change[column], turns[lane]);
        }
        UNROLLED (int x = 0; x < 5; x++) b[5 * y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
    b[0] ^= constant;
}

static inline __attribute__((always_inline)) void permute_in_registers(uint64_t lanes[25]) {
    uint64_t a[25], b[25];
    memcpy(a, lanes, sizeof a);
    for (int i = 0; i < 24; i += 2) {
        round_from(a, b, round_constants[i]);
        round_from(b, a, round_constants[i + 1]);
    }
    memcpy(lanes, a, sizeof a);
}

#if defined(__x86_64__)
// The same, with instructions for "and not" and for rotation into another register: a quarter faster.
__attribute__((target("bmi,bmi2"))) static void permute_bmi2(uint64_t lanes[25]) { permute_in_registers(lanes); }
#endif

static void permute(uint64_t lanes[25]) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        permute_bmi2(lanes);
        return;
    }
#endif
    permute_in_registers(lanes);
}

static void start(shake *state, uint32_t rate) { *state = (shake){.rate = rate}; }
void shake128_start(shake *state) { start(state, 168); }
void shake256_start(shake *state) { start(state, 136); }

static void add_byte(shake *state, uint32_t position, uint8_t byte) {
    state->lanes[position / 8] ^= (uint64_t)byte << 8 * (position % 8);
}

void shake_absorb(shake *state, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        if (state->position % 8 == 0 && count >= 8) {
            size_t lanes = (state->rate - state->position) / 8;
            if (lanes > count / 8) lanes = count / 8;
            uint64_t *lane = state->lanes + state->position / 8;
            for (size_t i = 0; i < lanes; i++) lane[i] ^= load(bytes + 8 * i);
            state->position += (uint32_t)(8 * lanes);
            bytes += 8 * lanes;
            count -= 8 * lanes;
        } else {
            add_byte(state, state->position++, *bytes++);
            count--;
        }
        if (state->position == state->rate) {
            permute(state->lanes);
            state->position = 0;
        }
    }
}

void shake_squeeze(shake *state, uint8_t *bytes, size_t count) {
    if (!state->squeezing) {
        // The suffix of SHAKE, 1111, and the padding 10*1.
        add_byte(state, state->position, 0x1f);
        add_byte(state, state->rate - 1, 0x80);
        state->squeezing = 1;
        state->position = state->rate;
    }
    while (count > 0) {
        if (state->position == state->rate) {
            permute(state->lanes);
            state->position = 0;
        }
        uint64_t lane = state->lanes[state->position / 8];
        uint32_t step = state->position % 8 == 0 && count >= 8 ? 8 : 1;
        if (step == 8) store(bytes, lane);
        else *bytes = (uint8_t)(lane >> 8 * (state->position % 8));
        state->position += step;
        bytes += step;
        count -= step;
    }
}
