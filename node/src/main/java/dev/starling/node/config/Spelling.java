package dev.starling.node.config;

import java.util.Collection;

/** Finds the word that was probably meant: the one that the fewest single-letter edits lead to (Levenshtein). */
final class Spelling {
    /** The nearest of {@code words}, the first of equals; null where none is near enough to be a guess worth making. */
    static String nearest(String typed, Collection<String> words) {
        String nearest = null;
        int fewest = Math.max(2, typed.length() / 3) + 1;
        for (String word : words) {
            int edits = edits(typed, word);
            if (edits < fewest) {
                fewest = edits;
                nearest = word;
            }
        }
        return nearest;
    }

    static int edits(String from, String to) {
        int[] row = new int[to.length() + 1];
        for (int j = 0; j <= to.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }

    private Spelling() {}
}
