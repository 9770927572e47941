# What the demo tells of a run. To be sourced.

# backend_of DANDELION CONFIG CLASS: the backend that runs functions of the class here, and why not another.
backend_of() {
    "$1" check-config "$2" | sed -n '/^classes$/,/^$/p' |
        awk -v class="$3" '$1 == class { reason = ""; if (match($0, /; not .*/)) reason = " (" substr($0, RSTART + 2) ")"; print $2 reason }'
}

# stages HEAD: the stages of a reply's Server-Timing field, as NAME VALUE lines.
stages() {
    tr -d '\r' < "$1" | sed -n 's/^[Ss]erver-[Tt]iming: //p' | tr ',' '\n' | sed 's/^ *//' | awk -F'[;=]' '{ print $1, $3 }'
}

# fastest HEAD...: the one of the shortest total.
fastest() {
    local head
    for head in "$@"; do echo "$(stages "$head" | sed -n 's/^total //p') $head"; done | sort -n | sed -n '1s/^[^ ]* //p'
}

# timeline FIRST SECOND: two replies' stages side by side, with the second's as bars.
timeline() {
    { stages "$1" | sed 's/^/1 /' && stages "$2" | sed 's/^/2 /'; } | awk '
        function bar(ms,  text, i, width) {
            width = ms * scale
            for (i = 1; i <= width && i <= 60; i++) text = text "█"
            if (width > 60) text = text "…"
            return text == "" && ms > 0 ? "▏" : text
        }
        function row(name, what,  text) {
            text = sprintf("  %-14s %8.3f %8.3f  ", name, value[1, name], value[2, name])
            print text what
        }
        { value[$1, $2] = $3 }
        END {
            printf "  %-14s %8s %8s\n", "", "first", "again"
            sandbox = split("queue load input run output", names, " ")
            for (n = 1; n <= 2; n++)
                for (i = 1; i <= sandbox; i++) value[n, "sandboxes:"] += value[n, names[i]]
            scale = 48 / value[2, "total"]
            row("total", bar(value[2, "total"]))
            row("sandboxes:", bar(value[2, "sandboxes:"]))
            row("queue", "  waiting for a core")
            row("load", "  the image into a fresh sandbox")
            row("input", "  inputs into its memory")
            row("run", "  the function itself")
            row("output", "  outputs out of it, checked")
            row("communication", bar(value[2, "communication"]))
            printf "\n  %d fresh sandboxes cost %.1f ms together. One cold start elsewhere takes 10 to 100 ms, which is why\n", \
                value[2, "sandboxes"], value[2, "sandboxes:"]
            print "  platforms keep idle sandboxes in memory; here nothing is kept between requests."
            printf "  The %d requests waited %.1f ms for servers, added up, and the whole took %.1f ms: ten of them waited\n", \
                value[2, "requests"], value[2, "communication"], value[2, "total"]
            print "  at the same time."
        }'
}
