package dev.starling.gossip.member;

/** SWIM's states, in the order in which they override each other within one incarnation. */
public enum MemberStatus {
    ALIVE, SUSPECT, DEAD, LEFT;

    /** True where the member is taken to be up: a suspect still counts until it is declared dead. */
    public boolean isUp() {
        return this == ALIVE || this == SUSPECT;
    }
}
