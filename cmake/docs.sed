# SPDX-License-Identifier: MIT
# The head of a header is its page; and "a::text" is SQL, no name of C++.
2s|^/\*\( .*\)$|/** @file\n *\1|
2s|^/\*$|/** @file|
s|::\([a-z]\)|::%\1|g
