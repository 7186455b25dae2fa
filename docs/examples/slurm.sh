#!/usr/bin/env bash
# A class graded by a Slurm job array, one shard a task.
# In the project, once: cargo build --locked --package faultline-full
# Then: sbatch docs/examples/slurm.sh; in the end: cargo grade merge RESULTS/all RESULTS/shard-*
#SBATCH --job-name=grade-lab2
#SBATCH --array=1-16
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --output=grade-%A-%a.log
# Nothing of the environment that the job was sent from, a token for example, reaches it.
#SBATCH --export=NONE
set -euo pipefail

project=$HOME/faultline      # with target/debug/faultline-full
class=$HOME/class            # with batch.toml and the submissions
salt=$HOME/salt              # only you can read it
results=$HOME/results        # gets a folder per shard

export PATH="$HOME/.cargo/bin:$PATH"

# A copy on the disk of this node: builds of many nodes would wait for each other's locks on a
# shared one. If somebody changes the project meanwhile, the program does not fit the copy any more,
# and says so.
course=$(mktemp -d "${TMPDIR:-/tmp}/course.XXXXXX")
trap 'rm -rf "$course"' EXIT
git -C "$project" archive HEAD | tar -x -C "$course"
cp "$project/target/debug/faultline-full" "$course/cargo-grade"
cd "$course"

./cargo-grade doctor
# The budget ends it in good order before Slurm ends it in the middle; the same array sent again
# goes on from there. Exit code 5 is passed on, so that `sacct` shows the task as failed: somebody
# of this shard has no score (rejected, not scored, or the budget was used up). The log says who.
./cargo-grade batch lab2 "$class/batch.toml" --hidden --salt "$salt" \
    --jobs "$SLURM_CPUS_PER_TASK" --budget 3h \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --out "$results/shard-$SLURM_ARRAY_TASK_ID"
