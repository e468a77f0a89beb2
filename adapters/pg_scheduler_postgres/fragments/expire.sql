SET status = :expired_status::text,
    finished_at = :NOW,
    error_message = :expired_message::text
