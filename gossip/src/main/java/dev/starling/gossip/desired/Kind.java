package dev.starling.gossip.desired;

/** The kinds of object that operators write. {@link #code} is on the wire and on disk: never reuse one. */
public enum Kind {
    CLUSTER(1), NODE(2), SERVICE(3), NETWORK(4), SECRET(5), CONFIG(6), ROOT(7);

    private final int code;

    Kind(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    public static Kind ofCode(int code) {
        for (Kind kind : values()) {
            if (kind.code == code) {
                return kind;
            }
        }
        throw new IllegalArgumentException("unknown kind code " + code);
    }
}
