# SPDX-License-Identifier: Apache-2.0
dist_man_MANS += %D%/kaftan.1
EXTRA_DIST += %D%/cluster.md %D%/security.md
