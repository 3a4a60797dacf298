<?php

// fork.php TARGET: uses clients in a child that were made by its parent, and prints what came of it.

declare(strict_types=1);

require_once __DIR__ . '/../../src/autoload.php';

/** Runs a function in a child and returns what it printed, and how the child ended. */
function in_child(callable $function): string
{
    [$ours, $theirs] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    $child = pcntl_fork();
    if ($child === 0) {
        fclose($ours);
        try {
            fwrite($theirs, $function());
        } catch (Fast\FastException $error) {
            fwrite($theirs, $error->fastCode);
        }
        exit(7);
    }
    fclose($theirs);
    $output = stream_get_contents($ours);
    pcntl_waitpid($child, $status);

    return $output . ' ' . (pcntl_wifexited($status) ? pcntl_wexitstatus($status) : 'killed');
}

$target = $argv[1];
$folder = dirname(substr($target, strlen('dir://')));
$own = new Fast\Client($target);
$shared = Fast\Client::shared('calc', $target, ['timeout_ms' => 2000]);
$closed = new Fast\Client($target);
$closed->close();
$announcement = new Fast\Announcement(['announce' => "dir://$folder/db", 'advertise' => '127.0.0.1:5432']);
$announcement->onAnnouncement(static fn () => null);
$add = static fn (Fast\Client $client): string => (string) $client->call('add', [2, 3])[0]->sum;
$add($own);
$add($shared);
// A client of its own: what is unread of a long stream holds up other calls on its connection.
$stream = (new Fast\Client($target))->stream('range', [1_000_000_000])->getIterator();
$stream->current();

$uses = [
    'own client' => static fn () => $add($own),
    'shared client' => static fn () => $add($shared) . $add(Fast\Client::shared('calc', $target, ['timeout_ms' => 2000])),
    'stream' => static function () use ($stream): string {
        $stream->next();

        return 'got ' . json_encode($stream->current());
    },
    'closed client' => static fn () => $add($closed),
    'announcement' => static fn () => $announcement->state(),
    'its changes' => static fn () => $announcement->deliver(),
    'child of a child' => static fn () => in_child(static fn () => $add($own)),
    'nothing' => static fn () => '-',
];
foreach ($uses as $name => $use) {
    echo "$name: ", in_child($use), "\n";
}
$stream->next();
echo 'parent: ', $stream->current()->value, ' ', $add($own), ' ', $add($shared), ' ', $announcement->state(), "\n";
echo 'announced: ', (new Fast\Client("dir://$folder/db"))->pick()->endpoint, "\n";
