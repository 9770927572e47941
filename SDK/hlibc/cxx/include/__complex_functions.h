// -*- C++ -*-
// At the end of libc++'s <complex>, whose general functions lose all digits near 0, 1 and the branch cuts: for the three
// types of the language, those of the C library, as other C++ libraries have it.
#ifndef DANDELION_COMPLEX_FUNCTIONS_H
#define DANDELION_COMPLEX_FUNCTIONS_H

#pragma GCC system_header

_LIBCPP_BEGIN_NAMESPACE_STD

#define DANDELION_COMPLEX(name, type, function)                                                                         \
    template <> inline _LIBCPP_HIDE_FROM_ABI complex<type> name(const complex<type>& z) {                               \
        _Complex type result = __builtin_c##function(__builtin_complex(z.real(), z.imag()));                            \
        return complex<type>(__real__ result, __imag__ result);                                                         \
    }
#define DANDELION_COMPLEX_TYPES(name)                                                                                   \
    DANDELION_COMPLEX(name, float, name##f)                                                                             \
    DANDELION_COMPLEX(name, double, name)                                                                               \
    DANDELION_COMPLEX(name, long double, name##l)

DANDELION_COMPLEX_TYPES(acos)
DANDELION_COMPLEX_TYPES(acosh)
DANDELION_COMPLEX_TYPES(asin)
DANDELION_COMPLEX_TYPES(asinh)
DANDELION_COMPLEX_TYPES(atan)
DANDELION_COMPLEX_TYPES(atanh)
DANDELION_COMPLEX_TYPES(cos)
DANDELION_COMPLEX_TYPES(cosh)
DANDELION_COMPLEX_TYPES(exp)
DANDELION_COMPLEX_TYPES(log)
DANDELION_COMPLEX_TYPES(sin)
DANDELION_COMPLEX_TYPES(sinh)
DANDELION_COMPLEX_TYPES(sqrt)
DANDELION_COMPLEX_TYPES(tan)
DANDELION_COMPLEX_TYPES(tanh)

#undef DANDELION_COMPLEX_TYPES
#undef DANDELION_COMPLEX

_LIBCPP_END_NAMESPACE_STD

#endif
