/* A library whose author has mistyped the one symbol, and exports a helper that nobody should see. */
#include <event_handler.h>

EH_EXPORT const void *eh_plugin_entry(void);
const void *eh_plugin_entry(void) { return NULL; }

EH_EXPORT int nameless_helper(void);
int nameless_helper(void) { return 0; }
