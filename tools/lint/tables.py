# SPDX-License-Identifier: Apache-2.0
"""What the checks compare with: the room table, size limits, banned words. Data only."""

# A unit is a folder that holds sources. It may include its own headers, those of the units that it
# names, and of what those need in turn. A name without a slash that has sub-folders stands for the
# whole room; "room/." is the face in the room's own folder. Everything may include
# include/colonnade/.
UNITS = {
    "base/.": [],
    "runtime/.": ["base"],
    "data/column": ["runtime"],
    "data/kernel": ["data/column"],
    "data/row": ["data/kernel"],
    "plan/ir": ["data"],
    "plan/stats": ["plan/ir"],
    "plan/function": ["plan/ir"],
    "plan/eval": ["plan/function"],
    "plan/table": ["plan/ir", "plan/stats"],
    "plan/catalog": ["plan/table", "plan/function"],
    "plan/.": ["plan/eval", "plan/catalog"],
    "sql/parse": ["base"],
    "sql/bind": ["sql/parse", "plan"],
    "sql/unparse": ["plan"],
    "sql/.": ["sql/bind", "sql/unparse"],
    "optimize/property": ["plan"],
    "optimize/cost": ["optimize/property"],
    "optimize/rule": ["optimize/cost"],
    "optimize/normalize": ["optimize/rule"],
    "optimize/join_order": ["optimize/cost"],
    "optimize/physical": ["optimize/property"],
    "optimize/.": ["optimize/normalize", "optimize/join_order", "optimize/physical"],
    "io/file": ["plan"],
    "io/codec": ["runtime"],
    "io/format": ["io/file", "io/codec"],
    "io/format/parquet": ["io/format"],
    "io/format/csv": ["io/format"],
    "io/format/json": ["io/format"],
    "io/format/ipc": ["io/format"],
    "io/format/avro": ["io/format"],
    "io/source": ["io/format"],
    "io/.": ["io/source", "io/format/parquet", "io/format/csv", "io/format/json", "io/format/ipc",
             "io/format/avro"],
    "exec/spill": ["io/file", "io/codec"],
    "exec/operator": ["exec/spill", "optimize/physical"],
    "exec/join": ["exec/operator"],
    "exec/pipeline": ["exec/join"],
    "exec/.": ["exec/pipeline"],
    "session/.": ["sql", "optimize", "io", "exec"],
    "session/extension": ["session/."],
    "session/statement": ["session/.", "session/extension"],
    "api/.": ["session"],
}

# Files that lie beside their kind and stand higher or lower than their folder: path, or path without
# suffix for both files -> unit.
PLACED = {
    # The binary form reads and writes functions and tables by name.
    "src/plan/ir/plan_binary": "plan/.",
    "src/plan/ir/plan_binary_int": "plan/.",
    "src/plan/ir/plan_write": "plan/.",
    "src/plan/ir/plan_read": "plan/.",
    "src/plan/ir/plan_read_int": "plan/.",
    "src/plan/ir/plan_read_value": "plan/.",
    # The list of rules names those of join_order, which stand on estimates.
    "src/optimize/rule/rule_list": "optimize/.",
    # Contracts that nodes point at: the headers stand with the IR, what fulfils them above it.
    "src/plan/function/function.h": "plan/ir",
    "src/plan/table/table.h": "plan/ir",
    "src/plan/stats/stats.h": "plan/ir",
    # Sets of column ids and other tools of the rules, which proofs about plans use too.
    "src/optimize/rule/rule.h": "optimize/property",
}

# Folders outside src/ that may include internal headers: unit tests see what their room sees.
INTERNAL_FOLDERS = ("test/", "bench/micro/")
PUBLIC_ONLY_FOLDERS = ("cli/", "examples/", "extensions/", "test/slt/", "python/")

MAX_FUNCTION_LINES = 80
MAX_NESTING = 4
MAX_FILE_LINES = 1200
MAX_README_LINES = 120
HEADER_COMMENT_LINES = (4, 40)  # public headers, which are manuals, have no upper limit

# Words that library code must not call, with the reason that the finding prints.
BANNED = {
    "memory comes from an allocator that is passed": (
        "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf getline alloca "
        "posix_memalign aligned_alloc"),
    "no bound on what is written": "strcpy strcat sprintf vsprintf gets stpcpy strncpy strncat",
    "the library never prints": "printf vprintf puts putchar fputs fprintf vfprintf perror fputc",
    "the library never ends the process": "abort exit _exit quick_exit atexit assert raise",
    "no jumps": "goto setjmp longjmp sigsetjmp siglongjmp",
    "silent on bad input": "atoi atol atoll atof scanf sscanf fscanf",
    "depends on the locale": "setlocale strtod strtof strtold strcoll strcasecmp strncasecmp toupper tolower isalpha isspace isalnum",
    "hidden state": "strtok strerror localtime gmtime ctime asctime rand srand random srandom getenv "
                    "setenv putenv",
    "not for a library": "system popen signal sigaction fork vfork",
}
# path -> words that this one file implements or wraps, each documented in the file itself.
BANNED_HOME = {
    "src/base/alloc.c": "malloc calloc realloc free aligned_alloc posix_memalign",
    "src/base/banned.h": "*",
}

# Symbols that archives and the shared library may define.
SYMBOL_PATTERN = r"^(cn_|cni_|Adbc)"
SANITIZER_SYMBOLS = r"^(__asan|__odr_asan|__ubsan|__tsan|__gcov|__llvm|__sanitizer|__start_|__stop_)"

# Names that occur once per folder by their nature.
REPEATED_NAMES = {"README.md", "CMakeLists.txt", ".gitignore", "__init__.py", "conftest.py", "run"}

# Files that carry an SPDX line near their top.
SPDX_SUFFIXES = (".c", ".h", ".py", ".cmake", ".sh", ".pyx", ".pxd")
SPDX_NAMES = ("CMakeLists.txt", "Makefile")
README_ROOTS = ("src", "include", "cli", "cmake", "tools", "test", "bench", "examples", "doc")
# Folders that hold data, or are explained by the README above them.
README_NOT_IN = (r"^test/unit/", r"^test/data/", r"^test/fuzz/corpus", r"^test/slt/.+", r"^bench/queries",
                 r"^tools/demo", r"^include$", r"^doc/decisions")
