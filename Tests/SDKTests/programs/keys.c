/* Hands the input in/item with key 12 on as out/item with key 13. */
#include "check.h"
#include <sys/xattr.h>

int main(void) {
    char key[16];
    CHECK(getxattr("/in/item", "user.dandelion.key", key, sizeof key) == 2 && memcmp(key, "12", 2) == 0);
    CHECK(rename("/in/item", "/out/item") == 0 && setxattr("/out/item", "user.dandelion.key", "13", 2, 0) == 0);
    return 0;
}
