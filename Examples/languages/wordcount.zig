//! Counts the words of each text in the input set `texts`, into an item of the same name in the output set `counts`:
//! a word a line, most frequent first. An ordinary program over Zig's standard library.
const std = @import("std");

const Count = struct { word: []const u8, count: usize };

fn moreFrequent(_: void, a: Count, b: Count) bool {
    return if (a.count != b.count) a.count > b.count else std.mem.lessThan(u8, a.word, b.word);
}

fn countWords(allocator: std.mem.Allocator, text: []const u8) ![]Count {
    const lower = try std.ascii.allocLowerString(allocator, text);
    for (lower) |*byte| {
        if (!std.ascii.isAlphanumeric(byte.*)) byte.* = ' ';
    }
    var counts = std.StringHashMap(usize).init(allocator);
    var words = std.mem.tokenizeScalar(u8, lower, ' ');
    while (words.next()) |word| {
        const entry = try counts.getOrPutValue(word, 0);
        entry.value_ptr.* += 1;
    }
    var list = std.ArrayList(Count).init(allocator);
    var entries = counts.iterator();
    while (entries.next()) |entry| try list.append(.{ .word = entry.key_ptr.*, .count = entry.value_ptr.* });
    std.mem.sort(Count, list.items, {}, moreFrequent);
    return list.items;
}

pub fn main() !void {
    var arena = std.heap.ArenaAllocator.init(std.heap.page_allocator);
    const allocator = arena.allocator();
    const stdout = std.io.getStdOut().writer();
    const cwd = std.fs.cwd();
    try cwd.makePath("counts");
    var texts = try cwd.openDir("texts", .{ .iterate = true });
    var counts = try cwd.openDir("counts", .{});
    var items = texts.iterate();
    while (try items.next()) |item| {
        const words = try countWords(allocator, try texts.readFileAlloc(allocator, item.name, 1 << 28));
        const file = try counts.createFile(item.name, .{});
        defer file.close();
        var out = std.io.bufferedWriter(file.writer());
        for (words) |word| try out.writer().print("{d} {s}\n", .{ word.count, word.word });
        try out.flush();
        try stdout.print("{s}: {d} different words\n", .{ item.name, words.len });
    }
}
