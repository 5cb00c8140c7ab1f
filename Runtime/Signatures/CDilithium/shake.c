// The sponge around Keccak-f[1600] (FIPS 202).

#include "shake.h"
#include "keccak.h"

static void start(shake *state, uint32_t rate) { *state = (shake){.keccak = keccak_of_this_machine(), .rate = rate}; }
void shake128_start(shake *state) { start(state, SHAKE128_RATE); }
void shake256_start(shake *state) { start(state, SHAKE256_RATE); }

static void add_byte(shake *state, uint32_t position, uint8_t byte) {
    state->lanes[position / 8] ^= (uint64_t)byte << 8 * (position % 8);
}

void shake_absorb(shake *state, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        if (state->position % 8 == 0 && count >= 8) {
            size_t lanes = (state->rate - state->position) / 8;
            if (lanes > count / 8) lanes = count / 8;
            uint64_t *lane = state->lanes + state->position / 8;
            for (size_t i = 0; i < lanes; i++) lane[i] ^= keccak_load(bytes + 8 * i);
            state->position += (uint32_t)(8 * lanes);
            bytes += 8 * lanes;
            count -= 8 * lanes;
        } else {
            add_byte(state, state->position++, *bytes++);
            count--;
        }
        if (state->position == state->rate) {
            state->keccak->permute(state->lanes);
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
            state->keccak->permute(state->lanes);
            state->position = 0;
        }
        uint64_t lane = state->lanes[state->position / 8];
        uint32_t step = state->position % 8 == 0 && count >= 8 ? 8 : 1;
        if (step == 8) keccak_store(bytes, lane);
        else *bytes = (uint8_t)(lane >> 8 * (state->position % 8));
        state->position += step;
        bytes += step;
        count -= step;
    }
}
