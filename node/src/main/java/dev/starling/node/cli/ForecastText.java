package dev.starling.node.cli;

import com.fasterxml.jackson.databind.JsonNode;

/** Prints which slots would be where, and a line of numbers. */
final class ForecastText {
    /** @param all also those that stay where they are */
    static void print(JsonNode answer, boolean all) {
        Table table = new Table().row("SLOT", "NOW", "THEN", "WHY");
        int stay = 0;
        int move = 0;
        int fresh = 0;
        int end = 0;
        int nowhere = 0;
        int rows = 0;
        for (JsonNode slot : answer.path("Slots")) {
            String before = slot.path("Before").asText();
            String after = slot.path("After").asText();
            String reason = slot.path("Reason").asText();
            boolean stays = !after.isEmpty() && before.equals(after);
            if (stays) {
                stay++;
            } else if (!after.isEmpty()) {
                move += before.isEmpty() ? 0 : 1;
                fresh += before.isEmpty() ? 1 : 0;
            } else {
                nowhere += reason.isEmpty() ? 0 : 1;
                end += reason.isEmpty() && !before.isEmpty() ? 1 : 0;
            }
            if (all || !stays) {
                table.row(slot.path("Slot").asText(), before.isEmpty() ? "-" : before, after.isEmpty() ? "-" : after, reason);
                rows++;
            }
        }
        if (rows > 0) {
            System.out.print(table);
        }
        System.out.printf("%d stay, %d move, %d new, %d end, %d without a node%n", stay, move, fresh, end, nowhere);
    }

    private ForecastText() {}
}
