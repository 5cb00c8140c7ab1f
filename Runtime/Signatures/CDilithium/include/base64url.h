// Base64url without padding (RFC 4648, section 5), of which each value has one text: nothing but the 64 characters is
// taken, and bits that the last character has to spare must be zero.

#ifndef OUTRIGGER_BASE64URL_H
#define OUTRIGGER_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

/// Decodes `length` characters, of which four are three bytes, three are two, and two are one. Returns 0 for what is no
/// such text; what is in `out` then means nothing.
int base64url_decode(const uint8_t *text, size_t length, uint8_t *out);

/// The same without vectors, so that tests can compare both.
int base64url_decode_portable(const uint8_t *text, size_t length, uint8_t *out);

#endif
