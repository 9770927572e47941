/* The words of Morello instructions for inline assembly. */
#include "morello.h"

#define TEXT(...) #__VA_ARGS__
#define ASM(...) TEXT(__VA_ARGS__)

#define ADD_C(cd, cn, imm) .inst (0x02000000 | ((imm) << 10) | ((cn) << 5) | (cd))
#define SCBNDS(cd, cn, xm) WORD3(0xC2C00000, cd, cn, xm)
#define SCVALUE(cd, cn, xm) WORD3(0xC2C04000, cd, cn, xm)
#define UNSEAL(cd, cn, cm) WORD3(0xC2C04800, cd, cn, cm)
#define BUILD(cd, cn, cm) WORD3(0xC2C00400, cd, cn, cm)
#define BR_C(cn) .inst (0xC2C21000 | ((cn) << 5))
#define GCTYPE(xd, cn) WORD2(0xC2C0F000, xd, cn)
/* A load through a capability register. */
#define LDR_X_BY_C(xt, cn) .inst (0x82600C00 | ((cn) << 5) | (xt))
