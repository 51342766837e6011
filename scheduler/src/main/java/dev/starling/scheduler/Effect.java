package dev.starling.scheduler;

import dev.starling.scheduler.model.Amendment;
import dev.starling.scheduler.model.BlockClaim;
import dev.starling.scheduler.model.CompletedWork;
import dev.starling.scheduler.model.Refusal;
import dev.starling.scheduler.model.Slot;
import dev.starling.scheduler.model.Task;
import java.util.List;

/** What the scheduler of one node wants done, in order. */
public sealed interface Effect {
    /** One method a case: a case that is added does not compile until each of its handlers says what to do. */
    interface Handler {
        void on(PutTask put);

        void on(DropTask drop);

        void on(PutRefusal put);

        void on(DropRefusal drop);

        void on(PutBlocks put);

        void on(PutCompleted put);

        void on(DropCompleted drop);

        void on(AmendService amend);

        void on(Start start);

        void on(Stop stop);
    }

    void handle(Handler handler);

    /** Put the task into this node's record (durably, before a {@link Start} of it is carried out). */
    record PutTask(Task task) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Remove the task from this node's record: its history is over the limit or its service is gone. Its container goes too. */
    record DropTask(Task task) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    record PutRefusal(Refusal refusal) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    record DropRefusal(Slot slot) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** All blocks that this node holds in {@code networkUid} from now on; empty: none. */
    record PutBlocks(String networkUid, List<BlockClaim> blocks) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** What this node keeps of a job's work from now on. */
    record PutCompleted(CompletedWork work) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    record DropCompleted(String serviceUid) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Write the amendment into the service's document, if it is still at that generation. Only a manager's scheduler asks for it. */
    record AmendService(String serviceUid, long generation, Amendment amendment) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Create and start the task's container; report each state with {@link Scheduler#report}. */
    record Start(Task task) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }

    /** Stop the task's container with the service's signal and grace, then report its exit. It waits for nothing, the disk included. */
    record Stop(Task task, String reason) implements Effect {
        @Override
        public void handle(Handler handler) {
            handler.on(this);
        }
    }
}
