/* What is done with single values: texts, and numbers that become other numbers. */
#ifndef SQL_VALUES_H
#define SQL_VALUES_H

#include "plan.h"

namespace sql {

constexpr Type boolean_type = {Kind::boolean, 1, 0}, integer_type = {Kind::integer, 19, 0}, real_type = {Kind::real, 19, 0},
               text_type = {Kind::text, 19, 0}, date_type = {Kind::date, 19, 0};

/* Whether a text is as LIKE's pattern says. */
bool like(Text text, Text pattern);
/* `length` characters of UTF-8 from the `start`th on, which is the first. */
Text substring(Text text, int64_t start, int64_t length);

bool comparable(Type a, Type b);
/* A type that values of both have; fails at the node when there is none. */
Type common_type(const Node &node, Type a, Type b);
/* A number at another scale, rounded half away from zero; a Failure where it has too many digits. */
wide rescaled(const Vector &from, size_t row, Type to);

} // namespace sql
#endif
