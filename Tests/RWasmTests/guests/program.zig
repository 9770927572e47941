//! An ordinary program in Zig, over the standard library.
const std = @import("std");

pub fn main() !u8 {
    const allocator = std.heap.page_allocator;
    const out = std.io.getStdOut().writer();
    var arguments = try std.process.argsWithAllocator(allocator);
    while (arguments.next()) |word| try out.print("[{s}]", .{word});
    const numbers = try std.fs.cwd().readFileAlloc(allocator, "in/numbers", 1 << 20);
    var sum: i64 = 0;
    var words = std.mem.tokenizeAny(u8, numbers, " \n");
    while (words.next()) |word| sum += try std.fmt.parseInt(i64, word, 10);
    try std.fs.cwd().makePath("out/below");
    const file = try std.fs.cwd().createFile("out/below/sum", .{});
    try file.writer().print("{d}", .{sum});
    return 9;
}
