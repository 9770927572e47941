/* matmul: the product of square matrices of 64-bit integers, modulo 2^64.
 *
 * Input set 0: one item A, giving A x A, or two items A and B, giving A x B. An item is n, then n * n values row by
 * row, all little-endian 64-bit words. Output set 0: one item of the same form, named and keyed as A.
 * Exit codes: 0, 1 (not a matrix, or sizes differ), 2 (no memory).
 */
#include <dandelion/function.h>
#include <string.h>

/* The matrix's size, or 0 when the item is not one. */
static uint64_t matrix_size(const dandelion_item *item) {
    uint64_t n;
    if (!item || item->length < sizeof n || item->length % sizeof n != 0) return 0;
    memcpy(&n, item->data, sizeof n);
    uint64_t values = item->length / sizeof n - 1;
    return n <= UINT32_MAX && n * n == values ? n : 0;
}

/* Row by row of b, so that the inner loop walks along both rows. */
static void multiply(uint64_t n, const uint64_t *restrict a, const uint64_t *restrict b, uint64_t *restrict product) {
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < n; k++) {
            uint64_t factor = a[i * n + k];
            for (uint64_t j = 0; j < n; j++) product[i * n + j] += factor * b[k * n + j];
        }
}

int main(void) {
    const dandelion_item *left = dandelion_input(0, 0), *right = dandelion_input(0, 1);
    if (!right) right = left;
    uint64_t n = matrix_size(left);
    if (n == 0 || matrix_size(right) != n) return 1;
    uint64_t *product = dandelion_allocate(left->length);
    if (!product) return 2;
    product[0] = n;
    multiply(n, (const uint64_t *)left->data + 1, (const uint64_t *)right->data + 1, product + 1);
    dandelion_item result = *left;
    result.data = product;
    return dandelion_output(0, &result) == 0 ? 0 : 2;
}
