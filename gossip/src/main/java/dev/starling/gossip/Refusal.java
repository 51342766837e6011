package dev.starling.gossip;

/** Why something that an authenticated peer told was not taken in. */
public enum Refusal {
    /** A member's address, role, boot, incarnation or departure, not signed by that member. */
    FORGED_MEMBER,
    /** A worker told of a member that no manager has enrolled. */
    UNENROLLED_MEMBER,
    /** "I got no answer from it", not signed by the node that is said to have got none. */
    FORGED_SUSPICION,
    /** "It did answer me", not signed by the node that is said to have answered. */
    FORGED_ANSWER,
    /** A record, or a part of one, that its owner did not sign. */
    FORGED_RECORD,
    /** A worker told that a node was removed, and no manager has. */
    UNPROVEN_REMOVAL,
    /** Desired state that the guard does not let in. */
    DESIRED_STATE,
    /** Operators removed the teller: it is not heard. */
    REMOVED_NODE,
    /** The rest of a message in which too much was refused: each check costs time. */
    REST_OF_MESSAGE;

    /** True where no honest node tells such a thing, whatever it has or has not heard. */
    public boolean isForgery() {
        return switch (this) {
            case FORGED_MEMBER, FORGED_SUSPICION, FORGED_ANSWER, FORGED_RECORD -> true;
            case UNENROLLED_MEMBER, UNPROVEN_REMOVAL, DESIRED_STATE, REMOVED_NODE, REST_OF_MESSAGE -> false;
        };
    }
}
