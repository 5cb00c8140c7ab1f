// Verifying many signatures. The arithmetic is done one by one; the hashes four at a time, in lanes. A lane hashes a
// message to its representative mu, then mu and w1 to the commitment, then takes the next signature: messages of
// different length keep no lane waiting for another.

#include "dilithium.h"
#include "dilithium_path.h"

#include <string.h>

/// As many at a time as one receive brings, and some: it bounds the stack.
enum { GROUP = 16, LANES = 4 };

struct lane {
    const dilithium_request *request;
    unsigned *verdict;
    dilithium_part w1;
    /// The variant in question, and those to try after it.
    unsigned variant, others;
    /// Whether the hash under way is the last one, and whether it has its last block.
    int committing, complete;
    /// What is still to be hashed: the rest of one piece, and the pieces after it.
    dilithium_part piece;
    const dilithium_part *pieces;
    size_t count;
    uint8_t head[66];
    uint8_t block[SHAKE256_RATE];
};

// Starts a hash of the first bytes of `head` and of pieces, in a state of zeros.
static void start(
    struct lane *lane, keccak_states *states, int which, size_t head, const dilithium_part *pieces, size_t count) {
    for (int i = 0; i < 25; i++) states->lanes[i][which] = 0;
    lane->piece = (dilithium_part){lane->head, head};
    lane->pieces = pieces;
    lane->count = count;
    lane->complete = 0;
}

// The next block of the input, padded if it is the last one. Whole blocks are not copied.
static const uint8_t *next_block(struct lane *lane) {
    size_t filled = 0;
    for (;;) {
        if (filled == 0 && lane->piece.count >= SHAKE256_RATE) {
            const uint8_t *block = lane->piece.bytes;
            lane->piece.bytes += SHAKE256_RATE;
            lane->piece.count -= SHAKE256_RATE;
            return block;
        }
        size_t step = SHAKE256_RATE - filled < lane->piece.count ? SHAKE256_RATE - filled : lane->piece.count;
        if (step > 0) {
            memcpy(lane->block + filled, lane->piece.bytes, step);
            lane->piece.bytes += step;
            lane->piece.count -= step;
            filled += step;
        }
        if (filled == SHAKE256_RATE) return lane->block;
        if (lane->count == 0) break;
        lane->piece = *lane->pieces++;
        lane->count--;
    }
    // The suffix of SHAKE, 1111, and the padding 10*1.
    memset(lane->block + filled, 0, SHAKE256_RATE - filled);
    lane->block[filled] = 0x1f;
    lane->block[SHAKE256_RATE - 1] |= 0x80;
    lane->complete = 1;
    return lane->block;
}

// Starts with the next variant, or leaves the lane without a request.
static void next_variant(struct lane *lane, keccak_states *states, int which) {
    const dilithium_request *request = lane->request;
    lane->variant = dilithium_take_variant(&lane->others, request->preferred);
    lane->committing = 0;
    if (lane->variant == 0) {
        lane->request = NULL;
        return;
    }
    size_t head = dilithium_head(request->key, lane->variant, lane->head);
    start(lane, states, which, head, request->message, request->parts);
}

// A hash has its last block: the representative is hashed on, the commitment is compared.
static void finish(struct lane *lane, keccak_states *states, int which) {
    uint8_t hash[DILITHIUM_REPRESENTATIVE_BYTES];
    for (int i = 0; i < DILITHIUM_REPRESENTATIVE_BYTES / 8; i++) keccak_store(hash + 8 * i, states->lanes[i][which]);
    if (!lane->committing) {
        memcpy(lane->head, hash, sizeof hash);
        start(lane, states, which, sizeof hash, &lane->w1, 1);
        lane->committing = 1;
    } else if (memcmp(hash, lane->request->signature, COMMITMENT_BYTES) == 0) {
        *lane->verdict = lane->variant;
        lane->request = NULL;
    } else {
        next_variant(lane, states, which);
    }
}

// One lane is left: a single permutation is the faster one.
static void absorb_alone(const struct keccak *keccak, keccak_states *states, int which, const uint8_t *block) {
    uint64_t lanes[25];
    for (int i = 0; i < 25; i++) lanes[i] = states->lanes[i][which];
    for (int i = 0; i < SHAKE256_RATE / 8; i++) lanes[i] ^= keccak_load(block + 8 * i);
    keccak->permute(lanes);
    for (int i = 0; i < 25; i++) states->lanes[i][which] = lanes[i];
}

// The hashes of at most GROUP signatures of which w1 is known.
static void hash_in_lanes(
    const struct keccak *keccak, const dilithium_request *const requests[], size_t count, unsigned *const verdicts[],
    const uint8_t w1[][ROWS * W1_BYTES]) {
    struct lane lanes[LANES];
    keccak_states states;
    size_t next = 0;
    for (int which = 0; which < LANES; which++) lanes[which].request = NULL;
    for (;;) {
        const uint8_t *blocks[LANES];
        int busy = 0, last = 0;
        for (int which = 0; which < LANES; which++) {
            struct lane *lane = lanes + which;
            while (!lane->request && next < count) {
                lane->request = requests[next];
                lane->verdict = verdicts[next];
                lane->w1 = (dilithium_part){w1[next++], ROWS * W1_BYTES};
                lane->others = lane->request->allowed;
                next_variant(lane, &states, which);
            }
            blocks[which] = lane->request ? next_block(lane) : NULL;
            if (!lane->request) continue;
            busy++;
            last = which;
        }
        if (busy == 0) return;
        if (busy == 1) absorb_alone(keccak, &states, last, blocks[last]);
        else keccak->absorb_four(&states, blocks);
        for (int which = 0; which < LANES; which++) {
            if (lanes[which].request && lanes[which].complete) finish(lanes + which, &states, which);
        }
    }
}

static void verify_group(const dilithium_request *requests, size_t count, unsigned *verdicts) {
    const dilithium_request *sound[GROUP];
    unsigned *places[GROUP];
    uint8_t w1[GROUP][ROWS * W1_BYTES];
    size_t found = 0, recovered = 0;
    const struct keccak *keccak = requests[0].key->path->keccak;
    for (size_t i = 0; i < count; i++) {
        verdicts[i] = 0;
        if (requests[i].signature_bytes != DILITHIUM_SIGNATURE_BYTES) continue;
        sound[found] = requests + i;
        places[found++] = verdicts + i;
    }
    for (size_t i = 0; i < found; i += LANES) {
        _Alignas(64) polynomial challenges[LANES];
        const uint8_t *commitments[LANES];
        for (size_t j = 0; j < LANES; j++) commitments[j] = sound[i + j < found ? i + j : i]->signature;
        dilithium_challenge_four(keccak, challenges, commitments);
        for (size_t j = i; j < found && j < i + LANES; j++) {
            const dilithium_request *request = sound[j];
            if (!dilithium_recover(request->key, request->signature, challenges[j - i], w1[recovered])) continue;
            places[recovered] = places[j];
            sound[recovered++] = request;
        }
    }
    hash_in_lanes(keccak, sound, recovered, places, (const uint8_t(*)[ROWS * W1_BYTES])w1);
}

void dilithium_verify_batch(const dilithium_request *requests, size_t count, unsigned *verdicts) {
    for (size_t i = 0; i < count; i += GROUP) {
        size_t size = count - i < GROUP ? count - i : GROUP;
        if (size > 1) {
            verify_group(requests + i, size, verdicts + i);
            continue;
        }
        const dilithium_request *one = requests + i;
        verdicts[i] = dilithium_verify(
            one->key, one->message, one->parts, one->signature, one->signature_bytes, one->allowed, one->preferred);
    }
}
