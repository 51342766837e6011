package dev.starling.node.core;

import java.util.random.RandomGenerator;

/** Ids as Docker makes them: 25 characters of base 36, some 129 random bits. */
public final class DockerId {
    private static final int LENGTH = 25;
    private static final int BASE = 36;

    public static String random(RandomGenerator random) {
        StringBuilder id = new StringBuilder(LENGTH);
        for (int i = 0; i < LENGTH; i++) {
            id.append(Character.forDigit(random.nextInt(BASE), BASE));
        }
        return id.toString();
    }

    private DockerId() {}
}
