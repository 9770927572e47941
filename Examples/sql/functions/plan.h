/* Plans: nested lists of words, texts and numbers, such as (filter (< lo_quantity 25)). */
#ifndef SQL_PLAN_H
#define SQL_PLAN_H

#include "vector.h"

namespace sql {

struct Node {
    enum Form { list, word, text, number } form = list;
    std::string word_or_text; /* of a number its digits */
    std::vector<Node> items;
    size_t place = 0; /* byte of the plan */

    bool is(std::string_view head) const { return form == list && !items.empty() && items[0].form == word && items[0].word_or_text == head; }
    const std::string &head() const;
    const Node &at(size_t index) const;
    const std::string &word_at(size_t index) const;
    int64_t number_at(size_t index) const;
    /* Says what is wrong here. */
    [[noreturn]] void fail(const std::string &what) const;
};

/* A list that holds all lists of the text. */
Node parse_plan(std::string_view text);

} // namespace sql
#endif
