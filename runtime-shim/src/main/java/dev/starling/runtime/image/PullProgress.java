package dev.starling.runtime.image;

/** Hears how far a pull is. Called from several threads, often: it must be quick. */
public interface PullProgress {
    PullProgress NONE = (layer, step, current, total) -> { };

    /** What happens to a layer, in the words of {@code docker pull}. */
    enum Step {
        PRESENT("Already exists"), WAITING("Pulling fs layer"), DOWNLOADING("Downloading"), DOWNLOADED("Download complete"),
        EXTRACTING("Extracting"), COMPLETE("Pull complete");

        private final String words;

        Step(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    /**
     * @param current bytes of {@code total} that are here; both 0 where the step has no measure
     */
    void at(Digest layer, Step step, long current, long total);
}
