/// A command's name in capitals, as two numbers: names are looked up for every request. Longer ones than any of Redis'
/// are cut, and match none.
struct CommandName: Hashable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    private static let longest = 16

    init(_ name: some Collection<UInt8>) {
        guard name.count <= Self.longest else {
            low = .max
            high = .max
            return
        }
        for byte in name {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 32 : byte)
        }
    }
}

/// What functions may do with a command.
enum Rule {
    case never
    case reading
    case writing
}

/// Which commands functions may use.
enum Rules {
    /// By name; what is not listed is not allowed. `extra`: further ones that write.
    static func table(_ extra: [String]) -> [CommandName: Rule] {
        var table: [CommandName: Rule] = [:]
        for name in reading { table[CommandName(name.utf8)] = .reading }
        for name in writing.union(extra) { table[CommandName(name.utf8)] = .writing }
        for name in never { table[CommandName(name.utf8)] = .never }
        return table
    }

    /// They change or block the connection that other requests share, or the server; never allowed.
    static let never: Set<String> = [
        "AUTH", "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "CLIENT",
        "DISCARD",
        "EXEC", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE", "PSYNC", "PUNSUBSCRIBE", "QUIT", "READONLY", "READWRITE",
        "REPLCONF", "RESET", "SELECT", "SHUTDOWN", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "SYNC", "UNSUBSCRIBE",
        "UNWATCH", "WAIT", "WAITAOF", "WATCH", "XREAD", "XREADGROUP",
    ]

    /// They only read, so the host may repeat them.
    static let reading: Set<String> = [
        "BITCOUNT", "BITPOS", "DBSIZE", "ECHO", "EXISTS", "EXPIRETIME", "GEODIST", "GEOHASH", "GEOPOS", "GEOSEARCH",
        "GET",
        "GETBIT", "GETRANGE", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HRANDFIELD", "HSCAN", "HSTRLEN",
        "HVALS", "LCS", "LINDEX", "LLEN", "LPOS", "LRANGE", "MGET", "PEXPIRETIME", "PFCOUNT", "PING", "PTTL",
        "RANDOMKEY",
        "SCAN", "SCARD", "SDIFF", "SINTER", "SINTERCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "SRANDMEMBER", "SSCAN",
        "STRLEN", "SUNION", "TIME", "TOUCH", "TTL", "TYPE", "XLEN", "XRANGE", "XREVRANGE", "ZCARD", "ZCOUNT", "ZDIFF",
        "ZINTER", "ZINTERCARD", "ZLEXCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE", "ZRANGEBYLEX", "ZRANGEBYSCORE",
        "ZRANK",
        "ZREVRANGE", "ZREVRANGEBYSCORE", "ZREVRANK", "ZSCAN", "ZSCORE", "ZUNION",
    ]

    /// They change data.
    static let writing: Set<String> = [
        "APPEND", "BITFIELD", "BITOP", "COPY", "DECR", "DECRBY", "DEL", "EXPIRE", "EXPIREAT", "GEOADD", "GETDEL",
        "GETEX",
        "GETSET", "HDEL", "HINCRBY", "HINCRBYFLOAT", "HMSET", "HSET", "HSETNX", "INCR", "INCRBY", "INCRBYFLOAT",
        "LINSERT",
        "LMOVE", "LMPOP", "LPOP", "LPUSH", "LPUSHX", "LREM", "LSET", "LTRIM", "MSET", "MSETNX", "PERSIST", "PEXPIRE",
        "PEXPIREAT", "PFADD", "PFMERGE", "PSETEX", "PUBLISH", "RENAME", "RENAMENX", "RPOP", "RPOPLPUSH", "RPUSH",
        "RPUSHX",
        "SADD", "SDIFFSTORE", "SET", "SETBIT", "SETEX", "SETNX", "SETRANGE", "SINTERSTORE", "SMOVE", "SPOP", "SREM",
        "SUNIONSTORE", "UNLINK", "XACK", "XADD", "XDEL", "XTRIM", "ZADD", "ZDIFFSTORE", "ZINCRBY", "ZINTERSTORE",
        "ZMPOP",
        "ZPOPMAX", "ZPOPMIN", "ZRANGESTORE", "ZREM", "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE",
        "ZUNIONSTORE",
    ]
}
