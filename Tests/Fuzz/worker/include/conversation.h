// A conversation with a worker that runs inline: what the host says is given, what the worker says is kept.

#ifndef OUTRIGGER_CONVERSATION_H
#define OUTRIGGER_CONVERSATION_H

#include <stddef.h>
#include <stdint.h>

/// What the worker said, frame after frame, and what it ended with.
typedef struct conversation {
    uint8_t *_Nullable said;
    size_t count;
    int32_t status;
} conversation;

/// Runs one instance of a plugin from its creation to its end. `input` is a list of frames: a type, two bytes of length,
/// a payload. A frame goes out when the worker waits for one: in answer to a question, or for work.
///
/// Types are those of worker_protocol.h, with the payload as it is, and these, which are made to be understood:
/// `B` a batch of up to three events with the payload's parts, between bytes of 255, as their details; `S` the values of
/// the state that was asked for; `C` the answer to a call.
///
/// Free `said`.
conversation conversation_run(const char *_Nonnull plugin, const uint8_t *_Nullable input, size_t count);

#endif
