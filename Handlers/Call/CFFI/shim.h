/* libffi's types are globals, which Swift 6 does not read. */
#ifndef OUTRIGGER_CFFI_H
#define OUTRIGGER_CFFI_H

#include <dlfcn.h>
#include <ffi.h>

static inline ffi_type *_Nonnull cffi_void(void) { return &ffi_type_void; }
static inline ffi_type *_Nonnull cffi_i8(void) { return &ffi_type_sint8; }
static inline ffi_type *_Nonnull cffi_i16(void) { return &ffi_type_sint16; }
static inline ffi_type *_Nonnull cffi_i32(void) { return &ffi_type_sint32; }
static inline ffi_type *_Nonnull cffi_i64(void) { return &ffi_type_sint64; }
static inline ffi_type *_Nonnull cffi_u8(void) { return &ffi_type_uint8; }
static inline ffi_type *_Nonnull cffi_u16(void) { return &ffi_type_uint16; }
static inline ffi_type *_Nonnull cffi_u32(void) { return &ffi_type_uint32; }
static inline ffi_type *_Nonnull cffi_u64(void) { return &ffi_type_uint64; }
static inline ffi_type *_Nonnull cffi_f32(void) { return &ffi_type_float; }
static inline ffi_type *_Nonnull cffi_f64(void) { return &ffi_type_double; }
static inline ffi_type *_Nonnull cffi_pointer(void) { return &ffi_type_pointer; }

#endif
