package portraitd.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives the tests of a class, or one test, an {@link App} as parameter. On a method it also says how that test's app is made,
 * and else the class's does.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(PortraitdExtension.class)
public @interface Portraitd {
    /** Without the sample accounts alice, bob and carol. */
    boolean empty() default false;

    /** Sends the app's changes to the emulator's own webhook receiver: {@link App#webhooks}. */
    boolean webhook() default false;
}
