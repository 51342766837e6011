package dev.starling.node.core;

/**
 * Gives the text that is there already for one that is equal. A cluster's tasks repeat the same uids, hashes, images and node ids thousands of
 * times; decoded each by itself they were a fifth of a large cluster's heap. A table of fixed size in which the later of two takes the place:
 * what it misses costs memory and nothing else.
 */
final class SharedTexts {
    private static final int SLOTS = 4096;

    private final String[] texts = new String[SLOTS];

    String shared(String text) {
        if (text == null || text.isEmpty()) {
            return text;
        }
        int hash = text.hashCode();
        int slot = (hash ^ hash >>> 16) & SLOTS - 1;
        if (!text.equals(texts[slot])) {
            texts[slot] = text;
        }
        return texts[slot];
    }
}
