/* What no C source can do: an exception that nobody catches on this side of the boundary. */
extern "C" __attribute__((visibility("hidden"))) void careless_throw(void);
void careless_throw(void) { throw 42; }
