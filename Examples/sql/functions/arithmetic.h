/* Operands of the same representation, and what is done with them. */
#ifndef SQL_ARITHMETIC_H
#define SQL_ARITHMETIC_H

#include "expression.h"

namespace sql {

wide power_of_ten(unsigned exponent);
double real_of(wide value, unsigned scale);

/* Which rows are valid of both; null when all are. */
const uint8_t *both_valid(const Vector &a, const Vector &b, Arena &arena);

/* Values as an array of T (int64_t or wide) at a scale; overflow is a Failure. */
template <class T> const T *numbers(const Vector &from, unsigned scale, Arena &arena);
/* Values as doubles. */
const double *reals(const Vector &from, Arena &arena);

Expression::Evaluate arithmetic(char operation, Type left, Type right, Type result);
Expression::Evaluate comparison(const std::string &operation, Type left, Type right);
/* The type of a + b, a * b, ...; fails at the node. */
Type arithmetic_type(const Node &node, char operation, Type left, Type right);

/* Days since 1970-01-01 as year, month and day. */
struct Day {
    int64_t year, month, day;
};
Day day_of(int64_t days);

} // namespace sql
#endif
