package dev.starling.gossip.desired;

/** The kinds of object that operators write. {@link #code} is on the wire and on disk, from 1 to {@link #MAX_CODE}: never reuse one. */
public enum Kind {
    CLUSTER(1), NODE(2), SERVICE(3), NETWORK(4), SECRET(5), CONFIG(6), ROOT(7),
    /** Of a later release: checked, joined, kept and passed on like any other, and never looked into. The object has the code itself. */
    UNFAMILIAR(0);

    public static final int MAX_CODE = 127;

    private final int code;

    Kind(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    /** @throws IllegalArgumentException where no release can have a kind of that code */
    public static Kind ofCode(int code) {
        if (code < 1 || code > MAX_CODE) {
            throw new IllegalArgumentException("kind code must be 1 to " + MAX_CODE + ", got " + code);
        }
        for (Kind kind : values()) {
            if (kind.code == code) {
                return kind;
            }
        }
        return UNFAMILIAR;
    }
}
