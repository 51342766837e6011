package dev.starling.chaos.sim;

/**
 * Who comes, goes, and changes roles while faults go on. Where any of that happens some faults stay away, for what they would break together is not promised
 * (docs/SCHEDULER.md, docs/ARCHITECTURE.md): a steward that has forgotten a change of stewards may let an exclusive slot run twice, and a manager whose clock is
 * ahead may have written, before it is demoted or removed, what others take for written after.
 */
enum Turnover {
    NONE(true, true), ROLES(true, false), MEMBERS_AND_ROLES(false, false);

    private final boolean losesDisks;
    private final boolean losesTime;

    Turnover(boolean losesDisks, boolean losesTime) {
        this.losesDisks = losesDisks;
        this.losesTime = losesTime;
    }

    /** One of six seeds has {@link #ROLES}, two have {@link #MEMBERS_AND_ROLES}. */
    static Turnover of(int draw) {
        return switch (draw) {
            case 0, 3 -> MEMBERS_AND_ROLES;
            case 1 -> ROLES;
            default -> NONE;
        };
    }

    /** A disk may be lost, or put back to an older copy. */
    boolean losesDisks() {
        return losesDisks;
    }

    /** Clocks may be off by more than what the writes of a demoted manager are given. */
    boolean losesTime() {
        return losesTime;
    }

    boolean changesRoles() {
        return this != NONE;
    }

    boolean changesMembers() {
        return this == MEMBERS_AND_ROLES;
    }
}
