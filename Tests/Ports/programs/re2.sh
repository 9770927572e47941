title="RE2 20220601"
package=re2
file=re2_20220601+dfsg.orig.tar.xz
sha256=3bc61251da3b0b97be40a8a127818c517c62516e4eda11fc901d29496663df54
command="cmake -DCMAKE_TOOLCHAIN_FILE=toolchain.cmake && ctest"

# Debian's source is without the tables that RE2's own scripts make of Unicode's files, which Perl has in its own form.
unicode_files() {
    mkdir -p ucd
    perl -MUnicode::UCD=prop_invmap,all_casefolds -e '
        sub ranges { my ($property, $no, $print) = @_; my ($list, $map) = prop_invmap($property);
            for (0 .. $#$list) { my ($from, $to) = ($list->[$_], ($list->[$_ + 1] // 0x110000) - 1);
                $print->(sprintf($from == $to ? "%04X" : "%04X..%04X", $from, $to), $map->[$_]) unless $map->[$_] =~ /^(?:$no)$/ } }
        open(my $out, ">", "ucd/UnicodeData.txt"); ranges("General_Category", "Cn|Unassigned", sub { print $out "$_[0];x;$_[1]" . ";" x 12 . "\n" });
        open($out, ">", "ucd/Scripts.txt"); ranges("Script", "Unknown|Zzzz", sub { print $out "$_[0] ; $_[1]\n" });
        open($out, ">", "ucd/CaseFolding.txt"); my $folds = all_casefolds();
        for (sort { $a <=> $b } keys %$folds) { my $to = $folds->{$_}{simple}; printf $out "%04X; C; %s;\n", $_, $to if $to ne "" }'
}

build() {
    unicode_files
    sed -i "s#^_UNICODE_DIR = .*#_UNICODE_DIR = \"$PWD/ucd\"#" re2/unicode.py
    (cd re2 && perl make_perl_groups.pl > perl_groups.cc && python3 make_unicode_groups.py > unicode_groups.cc &&
        python3 make_unicode_casefold.py > unicode_casefold.cc)
    with_cmake -DRE2_BUILD_TESTING=ON
}

# The exhaustive and random ones take minutes.
check() { cd build && ctest --timeout 600 -E "exhaustive|random" 2>&1 | ctest_results; }
