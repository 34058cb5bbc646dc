#include <nftables/libnftables.h>
#include <malloc.h>
// The C library's, which its own header hides from Swift's importer.
int memfd_create(const char *name, unsigned int flags);
