// Complex functions of C and C++ where simple formulas lose everything: near 0, 1, the branch cuts, and the ends of the
// numbers. What they give for these is known.
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>

#include "check.h"

// Where a long double has 113 bits, musl's own logarithms and exponentials are those of a double.
template <typename T>
using Sure = std::conditional_t<std::numeric_limits<T>::digits == 113, double, T>;

template <typename T> static bool near(std::complex<T> z, T real, T imaginary) {
    const T allowed = 8 * T(std::numeric_limits<Sure<T>>::epsilon());
    auto same = [&](T ours, T theirs) {
        return std::signbit(ours) == std::signbit(theirs) &&
               (ours == theirs || std::abs(ours - theirs) <= allowed * std::abs(theirs));
    };
    return same(z.real(), real) && same(z.imag(), imaginary);
}

template <typename T> static void functions() {
    using Complex = std::complex<T>;
    const T tiny = T(1e-20L), huge = sizeof(Sure<T>) < sizeof(T) ? T(1e150L) : std::numeric_limits<T>::max();
    const T half_pi = T(1.570796326794896619231321691639751442L);
    CHECK(near(std::asinh(Complex(tiny, 0)), tiny, T(0)));
    CHECK(near(std::asinh(Complex(-tiny, -tiny)), -tiny, -tiny));
    CHECK(near(std::asin(Complex(tiny, tiny)), tiny, tiny));
    CHECK(near(std::atanh(Complex(tiny, tiny)), tiny, tiny));
    CHECK(near(std::atan(Complex(tiny, -tiny)), tiny, -tiny));
    CHECK(near(std::acos(Complex(0, tiny)), half_pi, -tiny));
    CHECK(near(std::acosh(Complex(1, 0)), T(0), T(0)));
    CHECK(near(std::acos(Complex(2, T(0.0))), T(0), T(-1.31695789692481670862504634730796844402698L)));
    CHECK(near(std::acos(Complex(2, T(-0.0))), T(0), T(1.31695789692481670862504634730796844402698L)));
    CHECK(near(std::sqrt(Complex(-1, 0)), T(0), T(1)));
    CHECK(near(std::sqrt(Complex(-4, T(-0.0))), T(0), T(-2)));
    CHECK(near(std::log(Complex(1, tiny)), tiny * tiny / 2, tiny));
    CHECK(std::isfinite(std::log(Complex(huge, huge)).real()) && std::isfinite(std::sqrt(Complex(huge, huge)).real()));
    CHECK(std::isfinite(std::asin(Complex(huge, huge)).imag()));
    CHECK(std::tanh(Complex(1000, 1)).real() == 1 && std::exp(Complex(huge, 0)).imag() == 0);
}

int main() {
    functions<float>();
    functions<double>();
    functions<long double>();
    _Complex double of_c = __builtin_casinh(__builtin_complex(1e-20, 0.0));
    CHECK(near(std::complex<double>(__real__ of_c, __imag__ of_c), 1e-20, 0.0));
    // Real ones: no such number, and the sign of what is too small or too large.
    CHECK(std::isnan(std::acosh(-1e5)) && std::isnan(std::acosh(-3.0)));
    CHECK(std::signbit(std::pow(-1e-310L, 33.0L)) && std::pow(-1e-310L, 33.0L) == 0);
    CHECK(std::pow(-1e300L, 33.0L) == -std::numeric_limits<long double>::infinity());
    puts("all good");
    return 0;
}
