package dev.starling.node.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpellingTest {
    @Test
    void countsEdits() {
        assertEquals(0, Spelling.edits("seeds", "seeds"));
        assertEquals(1, Spelling.edits("seed", "seeds"));
        assertEquals(3, Spelling.edits("kitten", "sitting"));
        assertEquals(5, Spelling.edits("", "seeds"));
    }

    @Test
    void guessesOnlyWhatIsNear() {
        assertEquals("seeds", Spelling.nearest("seed", List.of("name", "seeds")));
        assertEquals("data-dir", Spelling.nearest("datadir", List.of("name", "data-dir")));
        assertNull(Spelling.nearest("bootstrap-expect", List.of("name", "seeds")));
    }
}
