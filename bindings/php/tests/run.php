<?php

// Runs the tests: php run.php [PART OF A NAME]. Each *_test.php returns its tests by name. The server they call is the example
// calc_server of core/libfast, or the program that CALC_SERVER names.

declare(strict_types=1);

namespace Fast\Tests;

use Fast\Library;

require_once __DIR__ . '/../src/autoload.php';
require_once __DIR__ . '/support.php';

error_reporting(E_ALL);
set_error_handler(static function (int $type, string $message, string $file, int $line): bool {
    // An @ before an expression leaves only fatal errors in the mask.
    if ((error_reporting() & $type) === 0) {
        return true;
    }
    throw new \ErrorException($message, 0, $type, $file, $line);
});

$part = $argv[1] ?? '';
$results = ['passed' => 0, 'failed' => 0, 'skipped' => 0];
foreach (glob(__DIR__ . '/*_test.php') as $file) {
    foreach (require $file as $name => $test) {
        if (!str_contains($name, $part)) {
            continue;
        }
        try {
            $test();
            [$result, $why] = ['passed', ''];
        } catch (Skipped $skipped) {
            [$result, $why] = ['skipped', ": {$skipped->getMessage()}"];
        } catch (\Throwable $error) {
            [$result, $why] = ['failed', ":\n    " . str_replace("\n", "\n    ", (string) $error)];
        }
        $results[$result]++;
        echo "$result $name$why\n";
    }
}
CalcServer::stopAll();
// Clients that still live keep their entries in the folders up.
Library::get()->ffi->fast_shutdown(10_000);
folder(remove: true);
echo "{$results['passed']} passed, {$results['failed']} failed, {$results['skipped']} skipped\n";
exit($results['failed'] > 0 ? 1 : 0);
